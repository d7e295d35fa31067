"""Golden values of layers: cases as plain data, and the script that asks Keras about them."""
