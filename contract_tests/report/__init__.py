"""What a run of the cases against a backend says: as data, as a verdict, and as a page."""
