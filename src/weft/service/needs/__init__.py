"""What each verb of the service needs: rules by subject, and the table that joins them."""
