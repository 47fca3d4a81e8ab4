"""What decisions teach: about regions like the decided ones at once, and the classifier later."""
