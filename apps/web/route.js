// What is on the screen stands in the address: #job/ID, #job/ID/STEM, #job/ID/try/ID, #gallery, #learned.

export const links = {
  start: "#",
  gallery: "#gallery",
  learned: "#learned",
  job: (id, stem) => `#job/${id}` + (stem ? "/" + encodeURIComponent(stem) : ""),
  draw: (id, draw) => `#job/${id}/try/${draw}`,
};

const kId = /^[a-z2-7]{26}$/;

/** {name, id, part}, where `part` of a job is {stem}, {draw} or nothing. */
export function route() {
  const parts = location.hash.slice(1).split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return "";
    }
  });
  if (parts[0] === "job" && kId.test(parts[1] || "")) {
    if (parts[2] === "try" && kId.test(parts[3] || "")) return { name: "job", id: parts[1], part: { draw: parts[3] } };
    return { name: "job", id: parts[1], part: parts[2] ? { stem: parts[2] } : {} };
  }
  return { name: ["gallery", "learned"].includes(parts[0]) ? parts[0] : "start" };
}

export function go(link) {
  if (location.hash === link || (link === "#" && !location.hash)) return;
  location.hash = link;
}
