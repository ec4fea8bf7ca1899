"""What each step does with one session. All but discover and publish run in a child process.

A step gets the path of a work order, the label of a session and a scratch folder, and returns a
result of plain values: for each series a state and, where it is withheld, a reason.
"""
