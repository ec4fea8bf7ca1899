"use strict";
// Rectangles around text, drawn on the stored matrix of a series; they hold for all of its frames.
const Drawing = { picture: null, rectangles: [], start: null, now: null };

async function openDrawing(canvas, source) {
  Drawing.rectangles = [];
  Drawing.start = Drawing.now = null;
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  Drawing.picture = picture;
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  drawRectangles(canvas);
}

function drawRectangles(canvas) {
  const context = canvas.getContext("2d");
  context.drawImage(Drawing.picture, 0, 0);
  context.lineWidth = Math.max(1, canvas.width / 400);
  context.strokeStyle = "#ffb45c";
  context.fillStyle = "rgba(255, 180, 92, .35)";
  const open = between(Drawing.start, Drawing.now);
  for (const { top, left, rows, columns } of open ? [...Drawing.rectangles, open] : Drawing.rectangles) {
    context.fillRect(left, top, columns, rows);
    context.strokeRect(left, top, columns, rows);
  }
}

// Both pixels belong to the rectangle; what is less than two pixels wide or high is a slip of the hand.
function between(start, end) {
  if (!start || !end) return null;
  const [left, right] = [start[0], end[0]].sort((a, b) => a - b);
  const [top, bottom] = [start[1], end[1]].sort((a, b) => a - b);
  if (right - left < 1 || bottom - top < 1) return null;
  return { top, left, rows: bottom - top + 1, columns: right - left + 1 };
}

function pixelOf(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const at = (offset, length, count) => Math.min(count - 1, Math.max(0, Math.floor((offset / length) * count)));
  return [at(event.clientX - box.left, box.width, canvas.width), at(event.clientY - box.top, box.height, canvas.height)];
}

function watchDrawing(canvas, mayDraw, changed) {
  canvas.addEventListener("pointerdown", (event) => {
    if (!Drawing.picture || !mayDraw()) return;
    canvas.setPointerCapture(event.pointerId);
    Drawing.start = Drawing.now = pixelOf(canvas, event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!Drawing.start) return;
    Drawing.now = pixelOf(canvas, event);
    drawRectangles(canvas);
  });
  canvas.addEventListener("pointerup", () => {
    const drawn = between(Drawing.start, Drawing.now);
    Drawing.start = Drawing.now = null;
    if (drawn) Drawing.rectangles.push(drawn);
    if (Drawing.picture) drawRectangles(canvas);
    changed();
  });
}
