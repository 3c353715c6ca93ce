"""Bitbucket and Stripe held against what others say of them: their published documents, stand-ins, clients."""
