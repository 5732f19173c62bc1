"""What a machine has and lacks, found without trusting any of it: each check stands alone."""
