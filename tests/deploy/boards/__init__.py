"""What tests/deploy/dashboards is made of; `files` and `promql` know no other part, `lint` and `live` know those two."""
