"""How the service is: probes of what it depends on, metrics and gauges."""
