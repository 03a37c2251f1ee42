"""Random economies and policies whose right verdict is known from elsewhere than the product."""
