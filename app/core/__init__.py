"""What every room stands on, without a business word."""
