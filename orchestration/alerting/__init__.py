"""What a message says, when it is sent, and the ways it takes."""
