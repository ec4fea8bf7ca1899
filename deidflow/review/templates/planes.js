"use strict";
// Three planes of a volume; a click says where in the patient. Coordinates are LPS millimetres.
const PLANE_AXES = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };

// A NIfTI file of 8 bits, uncompressed, on a grid along the axes of the body.
function readVolume(buffer) {
  const view = new DataView(buffer);
  const size = [1, 2, 3].map((axis) => view.getInt16(40 + 2 * axis, true));
  const affine = [280, 296, 312].map((row) => [0, 4, 8, 12].map((column) => view.getFloat32(row + column, true)));
  const signs = [-1, -1, 1];
  return {
    size,
    values: new Uint8Array(buffer, view.getFloat32(108, true)),
    step: signs.map((sign, axis) => sign * affine[axis][axis]),
    origin: signs.map((sign, axis) => sign * affine[axis][3]),
  };
}

const placeOf = (volume, index) => index.map((value, axis) => volume.origin[axis] + volume.step[axis] * value);

const indexOf = (volume, place) => place.map((value, axis) => Math.round((value - volume.origin[axis]) / volume.step[axis]));

// Column and row of a plane as indices of the volume: the crown, or on axial planes the nose, is at the top.
function planeIndex(volume, name, column, row, depth) {
  const [across, down, through] = PLANE_AXES[name];
  const index = [0, 0, 0];
  index[across] = column;
  index[down] = name === "axial" ? row : volume.size[2] - 1 - row;
  index[through] = depth;
  return index;
}

function drawPlane(canvas, volume, name, depth) {
  const [across, down, through] = PLANE_AXES[name];
  const [width, height] = [volume.size[across], volume.size[down]];
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const strides = [1, volume.size[0], volume.size[0] * volume.size[1]];
  for (let row = 0; row < height; row++) {
    const start = planeIndex(volume, name, 0, row, depth);
    let at = start[0] * strides[0] + start[1] * strides[1] + start[2] * strides[2];
    for (let column = 0; column < width; column++, at += strides[across]) {
      const grey = volume.values[at];
      image.data.set([grey, grey, grey, 255], 4 * (row * width + column));
    }
  }
  const context = canvas.getContext("2d");
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-valuemax", volume.size[through] - 1);
  canvas.setAttribute("aria-valuenow", depth);
  return context;
}

// Marks near the plane are filled, others are rings.
function drawMark(context, volume, name, cross, place, isActive) {
  const [across, down, through] = PLANE_AXES[name];
  const index = indexOf(volume, place);
  const row = name === "axial" ? index[down] : volume.size[2] - 1 - index[down];
  const isNear = Math.abs(index[through] - cross[through]) * volume.step[through] < 4;
  context.beginPath();
  context.arc(index[across] + 0.5, row + 0.5, Math.max(1.5, volume.size[across] / 90), 0, 7);
  context.fillStyle = context.strokeStyle = isActive ? "#ffb45c" : "#63c7bf";
  if (isNear) context.fill();
  else if (isActive) context.stroke();
}

function drawCross(context, volume, name, cross) {
  const [across, down] = PLANE_AXES[name];
  const row = name === "axial" ? cross[down] : volume.size[2] - 1 - cross[down];
  context.fillStyle = "rgba(255, 180, 92, .45)";
  context.fillRect(cross[across], 0, 1, volume.size[down]);
  context.fillRect(0, row, volume.size[across], 1);
}
