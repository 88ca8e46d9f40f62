"""Tests of the report of the contract suite."""
