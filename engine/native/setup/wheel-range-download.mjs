/**
 * Downloads a wheel so that an interrupted download can be continued: pip says where its index keeps the file, and a small
 * Python program fetches it by ranges into a part file. The caller checks the checksum. When this is not possible (an
 * unusual index, a proxy or login that only pip knows) it returns `notPossible`, and pip has to download the wheel.
 */
import { run } from "./run-program.mjs";

/** @typedef {"done" | "broken" | "diskFull" | "notPossible"} Fetched broken: the connection broke after some bytes had come */

/**
 * The wheel's address in the index that pip uses, or undefined. It is read from the files that a verbose `pip index`
 * lists, since many versions of pip would download the whole wheel for an installation report.
 * @param {string} python
 * @param {readonly string[]} target pip's arguments for the wheel's Python and platform
 * @param {{ distribution: string, file: string }} wheel
 * @returns {Promise<string | undefined>}
 */
export async function wheelAddress(python, target, { distribution, file }) {
  /** @type {string | undefined} */
  let found;
  const args = ["-m", "pip", "index", "versions", "-vv", "--no-color", ...target, distribution];
  await run(python, args, {
    onLine: (line) => {
      found ??= addressIn(line, file);
    },
  });
  return found;
}

/**
 * @param {string} line of a verbose pip
 * @param {string} file
 */
function addressIn(line, file) {
  const address = /Found link (https?:\/\/[^\s#]+)/.exec(line)?.[1];
  const name = address?.split("?")[0]?.split("/").at(-1) ?? "";
  return decodeURIComponent(name) === file ? address : undefined;
}

/**
 * The Python program that downloads. Arguments: address, part file, bytes of the whole wheel. It continues at the end of
 * the part; when the server ignores ranges it begins again. A broken connection is tried again, up to five times in a row
 * without a byte. The part is locked, and the program ends with its parent, so that a part never has two writers.
 */
const fetchProgram = `
import errno, fcntl, os, re, ssl, sys, time, urllib.error, urllib.request
address, path, whole, parent = sys.argv[1], sys.argv[2], int(sys.argv[3]), os.getppid()

def trust():
    named = [os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
    named = [bundle for bundle in named if bundle]
    if named:
        folder = os.path.isdir(named[0])
        return ssl.create_default_context(cafile=None if folder else named[0], capath=named[0] if folder else None)
    context = ssl.create_default_context()
    try:
        from pip._vendor import certifi
        context.load_verify_locations(certifi.where())
    except Exception:
        pass
    return context

def receive(part):
    begin = os.fstat(part.fileno()).st_size
    headers = {"Accept-Encoding": "identity", "User-Agent": "trainyard"}
    if begin:
        headers["Range"] = "bytes=%d-" % begin
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=30, context=trust()) as answer:
        if answer.status == 206:
            place = re.match(r"bytes (\\d+)-\\d+/(\\d+)", answer.headers.get("Content-Range", ""))
            if not place or int(place[1]) != begin or int(place[2]) != whole:
                part.truncate(0)
                raise ConnectionError("the server continues another file")
        else:
            if int(answer.headers.get("Content-Length", whole)) != whole:
                sys.exit("the server has a file of another size")
            part.truncate(0)
        while chunk := answer.read1(1 << 18):
            if os.getppid() != parent:
                sys.exit(1)
            part.write(chunk)

with open(path, "ab", buffering=0) as part:
    fcntl.flock(part, fcntl.LOCK_EX)
    size = lambda: os.fstat(part.fileno()).st_size
    if size() > whole:
        part.truncate(0)
    failures = 0
    while size() < whole:
        before = size()
        try:
            receive(part)
            reason = "the connection ended early"
        except urllib.error.HTTPError as caught:
            if caught.code == 416:
                part.truncate(0)
            elif caught.code < 500:
                sys.exit("HTTP %d" % caught.code)
            reason = "HTTP %d" % caught.code
        except Exception as caught:
            if getattr(caught, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                sys.exit("No space left on device")
            reason = str(caught) or type(caught).__name__
        if size() == whole:
            break
        failures = 1 if size() > before else failures + 1
        if failures > 5 or (size() == 0 and failures > 1):
            sys.exit(reason)
        time.sleep(min(8, 2 ** (failures - 1)))
    if size() > whole:
        part.truncate(0)
        sys.exit("the server sent more than the file")
`;

/**
 * Downloads the rest of the part file. 30 s without a byte count as a broken connection.
 * @param {string} python
 * @param {string} address
 * @param {string} part
 * @param {number} bytes size of the whole wheel
 * @param {() => number} partBytes returns the size of the part now
 * @returns {Promise<{ state: Fetched, output: string }>}
 */
export async function fetchWheel(python, address, part, bytes, partBytes) {
  const before = partBytes();
  const { code, output } = await run(python, ["-c", fetchProgram, address, part, String(bytes)]);
  if (code === 0) return { state: "done", output };
  if (/No space left on device|Disk quota exceeded/.test(output)) return { state: "diskFull", output };
  return { state: partBytes() > before ? "broken" : "notPossible", output };
}
