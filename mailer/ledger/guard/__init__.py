"""What keeps the send log safe: who is sending, copies, disks, answers that could not
be written.
"""
