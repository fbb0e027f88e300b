"""Stand-ins for the services behind channels: each has its real answers, and goes wrong on demand."""
