"""The wire formats: ``.proto`` files, and what ``scripts/protos`` makes of them."""
