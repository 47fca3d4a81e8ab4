"""Generated street scenes: image, ground truth and a plausible noisy pseudo-label, from a seed.

A street is laid out (`layout`) from houses, vehicles and street furniture made of flat faces (`geometry`),
painted with textures and light (`render`, `materials`), and labelled as a network that never saw such streets
would label it (`mistakes`).
"""

from seco_core.example.scene import Scene, make_scene, make_sequence
from seco_core.example.write import write_example

__all__ = ["Scene", "make_scene", "make_sequence", "write_example"]
