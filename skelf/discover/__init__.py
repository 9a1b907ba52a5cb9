"""What happens again and again in recordings, found without a label: boundaries, then clusters."""
