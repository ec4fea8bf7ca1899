"""What a privacy board files: conformance, protocol, approvals, parts list, signature."""
