"""Tests of what knows no business."""
