"""What a company tells us about itself: one TOML file each, validated by `companies.settings`."""
