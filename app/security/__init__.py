"""Who are you, whose rows may you see, and what may you do with them?"""
