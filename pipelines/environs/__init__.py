"""What CI files call environments: where jobs bring things, how long they last, what ends them."""
