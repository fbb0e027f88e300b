"""What tests, proof, benchmark and demo stand on: stand-ins for services, as real as one machine allows."""
