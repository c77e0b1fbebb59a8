"""Files of records against a version: JSON, lines of JSON, and Avro object containers.

Pages and REST hand in a stream; nothing is stored. Every step is bounded: bytes read, bytes
unpacked, records, steps and time.
"""
