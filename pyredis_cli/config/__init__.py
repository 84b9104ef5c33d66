"""What a person says once in files: which there are, what they may say, and what that means for a start."""
