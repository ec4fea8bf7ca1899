"""Text in pixels: read, judged, blanked.

What OCR reads is compared with the patient's own identifiers, then with what is known to be
harmless; everything else holds a series back. Rules of devices say which rectangles are blanked.
"""
