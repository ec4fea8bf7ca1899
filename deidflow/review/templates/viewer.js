"use strict";
// A 3-D render and planes by niivue, where the package was built with it.
const Viewer = { engine: null, loading: null, angle: 150, timer: 0 };

async function startViewer(canvas, token) {
  const options = { headers: { authorization: "Bearer " + token }, cache: "no-store" };
  const answer = await fetch("/viewer", options);
  if (!answer.ok) throw new Error("The 3-D view is not part of this installation.");
  const script = document.createElement("script");
  script.textContent = await answer.text();
  document.head.append(script);
  const engine = new globalThis.niivue.Niivue({
    isColorbar: false, show3Dcrosshair: false, dragAndDropEnabled: false, logLevel: "error",
    backColor: [0, 0, 0, 1], crosshairWidth: 0.5, isOrientCube: false, loadingText: "", isRadiologicalConvention: true, sagittalNoseLeft: true,
  });
  await engine.attachToCanvas(canvas);
  engine.opts.multiplanarShowRender = globalThis.niivue.SHOW_RENDER.ALWAYS;
  engine.setSliceType(engine.sliceTypeMultiplanar);
  return engine;
}

// `files` are NIfTI buffers by kind; what is missing is not shown.
async function showVolumes(canvas, token, files) {
  Viewer.loading ??= startViewer(canvas, token);
  Viewer.engine = await Viewer.loading;
  const engine = Viewer.engine;
  while (engine.volumes.length) engine.removeVolumeByIndex(engine.volumes.length - 1);
  const base = files.after ? "after" : "before";
  await addVolume(base, files[base], "gray", 1);
  if (files.after && files.before) await addVolume("before", files.before, "gray", 0);
  if (files.mask) await addVolume("mask", files.mask, "red", 0);
  engine.setRenderAzimuthElevation(Viewer.angle, 10);
}

async function addVolume(kind, buffer, colormap, opacity) {
  const most = kind === "mask" ? 1 : 255;
  const name = kind + ".nii";
  await Viewer.engine.addVolumeFromUrl({ url: name, name, buffer: buffer.slice(0), colormap, opacity, cal_min: 0, cal_max: most });
}

function setShare(kind, share) {
  const volumes = Viewer.engine ? Viewer.engine.volumes : [];
  const number = volumes.findIndex((volume) => volume.name === kind + ".nii");
  if (number > 0) Viewer.engine.setOpacity(number, share);
}

function turnViewer(isTurning) {
  clearInterval(Viewer.timer);
  if (!isTurning) return;
  Viewer.timer = setInterval(() => {
    if (!Viewer.engine || document.hidden) return;
    Viewer.angle = (Viewer.angle + 4) % 360;
    Viewer.engine.setRenderAzimuthElevation(Viewer.angle, 10);
  }, 80);
}
