import CJobWire
