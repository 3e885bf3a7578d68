import Foundation
import TestSupport

/// A program in C that checks a header against the types that it was made of.
struct StructCheck {
  private let types: [Int: [String: Any]]
  private var statements: [String] = []
  private var assertions: [String] = []
  /// Assertions, and bit-fields.
  var count: Int { assertions.count + statements.count }

  /// - Parameter types: as `btf dump -j` lists them.
  init(_ types: [[String: Any]]) {
    self.types = Dictionary(
      types.map { ($0["id"] as? Int ?? 0, $0) }, uniquingKeysWith: { first, _ in first })
    var seen: [String: Int] = [:]
    for type in types {
      guard let kind = type["kind"] as? String, let name = type["name"] as? String,
        ["STRUCT", "UNION", "ENUM", "ENUM64"].contains(kind), name != "(anon)"
      else { continue }
      let count = (seen[name] ?? 0) + 1
      seen[name] = count
      guard kind == "STRUCT" || kind == "UNION" else { continue }
      let tag = "\(kind.lowercased()) \(name)" + (count == 1 ? "" : "___\(count)")
      assertions.append("_Static_assert(sizeof(\(tag)) == \(type["size"] ?? 0), \"\(tag)\");")
      check(type, of: tag, base: 0, depth: 0)
    }
  }

  private func resolved(_ id: Int) -> [String: Any]? {
    var (id, steps) = (id, 0)
    while let type = types[id], steps < 32 {
      guard
        ["CONST", "VOLATILE", "TYPEDEF", "RESTRICT", "TYPE_TAG"].contains(type["kind"] as? String)
      else { return type }
      id = type["type_id"] as? Int ?? 0
      steps += 1
    }
    return nil
  }

  private mutating func check(_ type: [String: Any], of tag: String, base: Int, depth: Int) {
    guard depth < 32 else { return }
    for member in type["members"] as? [[String: Any]] ?? [] {
      let offset = base + (member["bits_offset"] as? Int ?? 0)
      let id = member["type_id"] as? Int ?? 0
      let name = member["name"] as? String ?? ""
      if name == "(anon)" {
        if let inner = resolved(id) { check(inner, of: tag, base: offset, depth: depth + 1) }
      } else if let bits = member["bitfield_size"] as? Int {
        guard types[id]?["kind"] as? String != "CONST" else { continue }
        statements.append(
          "{ static union { \(tag) s; unsigned char b[sizeof(\(tag)) + 1]; } u; u.s.\(name) = -1; "
            + "check(u.b, sizeof u.s, \(offset), \(bits), \"\(tag).\(name)\"); }")
      } else {
        assertions.append(
          "_Static_assert(__builtin_offsetof(\(tag), \(name)) == \(offset / 8), \"\(tag).\(name)\");"
        )
      }
    }
  }

  /// What the compiler or the program says against the header; nil for nothing.
  func failure(of header: String, _ compiler: String) throws -> String? {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("gs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("check.c").path
    let program = folder.appendingPathComponent("check").path
    let text =
      header + assertions.joined(separator: "\n")
        + """

        int printf(const char *format, ...);
        static int failures;
        static void check(const unsigned char *bytes, unsigned long size, unsigned long start,
                          unsigned long count, const char *name) {
          for (unsigned long bit = 0; bit < 8 * size; bit++) {
            int isSet = bytes[bit / 8] >> bit % 8 & 1;
            if (isSet != (start <= bit && bit < start + count)) {
              printf("%s: bit %lu\\n", name, bit);
              failures++;
              return;
            }
          }
        }

        """
    // A compiler takes long for one function of thousands of statements.
    let chunks = stride(from: 0, to: statements.count, by: 200).map {
      statements[$0..<min($0 + 200, statements.count)].joined(separator: "\n")
    }
    let functions = chunks.enumerated().map { "static void part\($0)(void) {\n\($1)\n}\n" }
    let main =
      "int main(void) {\n" + chunks.indices.map { "  part\($0)();\n" }.joined()
      + "  return failures != 0;\n}\n"
    try (text + functions.joined() + main).write(toFile: source, atomically: false, encoding: .utf8)
    let compiled = try run(
      compiler,
      [
        "-w", "-O0", "-DBPF_NO_PRESERVE_ACCESS_INDEX", "-x", "c", source, "-o", program,
      ])
    guard compiled.status == 0 else { return compiled.text }
    let checked = try run(program, [])
    return checked.status == 0 ? nil : checked.text
  }

  private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String)
  {
    let outcome = try ChildProcess.run(program, arguments)
    return (outcome.status, String((outcome.out + outcome.err).prefix(3000)))
  }
}
