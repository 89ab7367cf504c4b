"""What several tests share: databases, servers, generated hospitals."""
