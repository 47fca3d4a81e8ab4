"""Mask sources: class-agnostic masks of an image and answers to box-and-point prompts."""
