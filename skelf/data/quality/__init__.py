"""What a careful person would find in a store."""
