"""Measurements that anyone can repeat.

``python -m benchmarks.NAME [PATH ...]``; the last line printed is one JSON object.
"""
