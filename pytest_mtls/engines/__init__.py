"""What runs nginx: a container engine, or plain processes, behind one protocol."""
