"""Children: who they are, where they live and learn, what is allowed, what to know about their health."""
