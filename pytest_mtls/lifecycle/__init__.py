"""What happens to certificates in the course of time, as steps of a test: renewing, rotating, revoking, rolling out."""
