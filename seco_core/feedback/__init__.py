"""What people's decisions teach about the regions that nobody has looked at yet."""
