"""What do families and the town say to each other? Threads, broadcasts, news."""
