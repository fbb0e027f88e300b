"""What is said, whatever the channel."""
