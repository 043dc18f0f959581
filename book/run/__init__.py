"""What runs chapters: one chapter as it is written, the record it leaves, and when it is stale."""
