"""What a grid keeps: outcomes in a journal and in segments, each whole or not at all, opened as one box."""
