"""Attention over paged caches on NVIDIA GPUs, out of torch's own parts and Triton; what several engines share."""
