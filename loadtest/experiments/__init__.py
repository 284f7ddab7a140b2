"""What can be asked of the shop, each with its plan and its judgement."""
