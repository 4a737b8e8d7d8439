"""Where backups and exports are kept. `backend` defines the interface; the other files are backends."""
