"""Where backups and exports are kept. `backend` says what a backend does; the others are backends."""
