/// The documents of QEMU 7.2's target descriptions: registers and comments as they are served, but
/// without the licence at their head and most of the types.
enum TargetDescriptionText {
  /// `-M q35`, `target.xml`.
  static let x86Target = #"""
    <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>
    <architecture>i386:x86-64</architecture>
    <xi:include href="i386-64bit.xml"/>
    </target>
    """#

  /// `i386-64bit.xml`, where four registers stand in a comment.
  static let i38664bit = #"""
    <?xml version="1.0"?>
    <!-- x86_64 64bit -->
    <!DOCTYPE target SYSTEM "gdb-target.dtd">
    <feature name="org.gnu.gdb.i386.core">
      <!-- General registers -->
      <reg name="rax" bitsize="64" type="int64" regnum="0"/>
      <reg name="rbx" bitsize="64" type="int64"/>
      <reg name="rcx" bitsize="64" type="int64"/>
      <reg name="rdx" bitsize="64" type="int64"/>
      <reg name="rsi" bitsize="64" type="int64"/>
      <reg name="rdi" bitsize="64" type="int64"/>
      <reg name="rbp" bitsize="64" type="data_ptr"/>
      <reg name="rsp" bitsize="64" type="data_ptr"/>
      <reg name="r8" bitsize="64" type="int64"/>
      <reg name="r9" bitsize="64" type="int64"/>
      <reg name="r10" bitsize="64" type="int64"/>
      <reg name="r11" bitsize="64" type="int64"/>
      <reg name="r12" bitsize="64" type="int64"/>
      <reg name="r13" bitsize="64" type="int64"/>
      <reg name="r14" bitsize="64" type="int64"/>
      <reg name="r15" bitsize="64" type="int64"/>
      <reg name="rip" bitsize="64" type="code_ptr"/>
      <reg name="eflags" bitsize="32" type="x64_eflags"/>
      <!-- Segment registers -->
      <reg name="cs" bitsize="32" type="int32"/>
      <reg name="ss" bitsize="32" type="int32"/>
      <reg name="ds" bitsize="32" type="int32"/>
      <reg name="es" bitsize="32" type="int32"/>
      <reg name="fs" bitsize="32" type="int32"/>
      <reg name="gs" bitsize="32" type="int32"/>
      <!-- Segment descriptor caches and TLS base MSRs -->
      <!--reg name="cs_base" bitsize="64" type="int64"/>
      <reg name="ss_base" bitsize="64" type="int64"/>
      <reg name="ds_base" bitsize="64" type="int64"/>
      <reg name="es_base" bitsize="64" type="int64"/-->
      <reg name="fs_base" bitsize="64" type="int64"/>
      <reg name="gs_base" bitsize="64" type="int64"/>
      <reg name="k_gs_base" bitsize="64" type="int64"/>
      <!-- Control registers -->
      <flags id="x64_cr3" size="8">
        <field name="PDBR" start="12" end="63"/>
        <!--field name="" start="3" end="11"/>
        <field name="WT" start="2" end="2"/>
        <field name="CD" start="1" end="1"/>
        <field name="" start="0" end="0"/-->
        <field name="PCID" start="0" end="11"/>
      </flags>
      <reg name="cr0" bitsize="64" type="x64_cr0"/>
      <reg name="cr2" bitsize="64" type="int64"/>
      <reg name="cr3" bitsize="64" type="x64_cr3"/>
      <reg name="cr4" bitsize="64" type="x64_cr4"/>
      <reg name="cr8" bitsize="64" type="int64"/>
      <reg name="efer" bitsize="64" type="x64_efer"/>
      <!-- x87 FPU -->
      <reg name="st0" bitsize="80" type="i387_ext"/>
      <reg name="st1" bitsize="80" type="i387_ext"/>
      <reg name="st2" bitsize="80" type="i387_ext"/>
      <reg name="st3" bitsize="80" type="i387_ext"/>
      <reg name="st4" bitsize="80" type="i387_ext"/>
      <reg name="st5" bitsize="80" type="i387_ext"/>
      <reg name="st6" bitsize="80" type="i387_ext"/>
      <reg name="st7" bitsize="80" type="i387_ext"/>
      <reg name="fctrl" bitsize="32" type="int" group="float"/>
      <reg name="fstat" bitsize="32" type="int" group="float"/>
      <reg name="ftag" bitsize="32" type="int" group="float"/>
      <reg name="fiseg" bitsize="32" type="int" group="float"/>
      <reg name="fioff" bitsize="32" type="int" group="float"/>
      <reg name="foseg" bitsize="32" type="int" group="float"/>
      <reg name="fooff" bitsize="32" type="int" group="float"/>
      <reg name="fop" bitsize="32" type="int" group="float"/>
      <reg name="xmm0" bitsize="128" type="vec128"/>
      <reg name="xmm1" bitsize="128" type="vec128"/>
      <reg name="xmm2" bitsize="128" type="vec128"/>
      <reg name="xmm3" bitsize="128" type="vec128"/>
      <reg name="xmm4" bitsize="128" type="vec128"/>
      <reg name="xmm5" bitsize="128" type="vec128"/>
      <reg name="xmm6" bitsize="128" type="vec128"/>
      <reg name="xmm7" bitsize="128" type="vec128"/>
      <reg name="xmm8" bitsize="128" type="vec128"/>
      <reg name="xmm9" bitsize="128" type="vec128"/>
      <reg name="xmm10" bitsize="128" type="vec128"/>
      <reg name="xmm11" bitsize="128" type="vec128"/>
      <reg name="xmm12" bitsize="128" type="vec128"/>
      <reg name="xmm13" bitsize="128" type="vec128"/>
      <reg name="xmm14" bitsize="128" type="vec128"/>
      <reg name="xmm15" bitsize="128" type="vec128"/>
      <reg name="mxcsr" bitsize="32" type="x64_mxcsr" group="vector"/>
    </feature>
    """#

  /// `-M virt -cpu max`, `target.xml`.
  static let armTarget = #"""
    <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>
    <architecture>aarch64</architecture>
    <xi:include href="aarch64-core.xml"/>
    <xi:include href="sve-registers.xml"/>
    <xi:include href="system-registers.xml"/>
    </target>
    """#

  /// `aarch64-core.xml`.
  static let aarch64Core = #"""
    <?xml version="1.0"?>
    <!DOCTYPE feature SYSTEM "gdb-target.dtd">
    <feature name="org.gnu.gdb.aarch64.core">
      <reg name="x0" bitsize="64"/>
      <reg name="x1" bitsize="64"/>
      <reg name="x2" bitsize="64"/>
      <reg name="x3" bitsize="64"/>
      <reg name="x4" bitsize="64"/>
      <reg name="x5" bitsize="64"/>
      <reg name="x6" bitsize="64"/>
      <reg name="x7" bitsize="64"/>
      <reg name="x8" bitsize="64"/>
      <reg name="x9" bitsize="64"/>
      <reg name="x10" bitsize="64"/>
      <reg name="x11" bitsize="64"/>
      <reg name="x12" bitsize="64"/>
      <reg name="x13" bitsize="64"/>
      <reg name="x14" bitsize="64"/>
      <reg name="x15" bitsize="64"/>
      <reg name="x16" bitsize="64"/>
      <reg name="x17" bitsize="64"/>
      <reg name="x18" bitsize="64"/>
      <reg name="x19" bitsize="64"/>
      <reg name="x20" bitsize="64"/>
      <reg name="x21" bitsize="64"/>
      <reg name="x22" bitsize="64"/>
      <reg name="x23" bitsize="64"/>
      <reg name="x24" bitsize="64"/>
      <reg name="x25" bitsize="64"/>
      <reg name="x26" bitsize="64"/>
      <reg name="x27" bitsize="64"/>
      <reg name="x28" bitsize="64"/>
      <reg name="x29" bitsize="64"/>
      <reg name="x30" bitsize="64"/>
      <reg name="sp" bitsize="64" type="data_ptr"/>

      <reg name="pc" bitsize="64" type="code_ptr"/>
      <reg name="cpsr" bitsize="32"/>
    </feature>
    """#

  /// `sve-registers.xml`.
  static let sve = #"""
    <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><feature name="org.gnu.gdb.aarch64.sve"><vector id="svevqu" type="uint128" count="16"/><union id="svevnq"><field name="u" type="svevqu"/></union>
    <reg name="z0" bitsize="2048" regnum="34" type="svev"/>
    <reg name="z1" bitsize="2048" regnum="35" type="svev"/>
    <reg name="z2" bitsize="2048" regnum="36" type="svev"/>
    <reg name="z3" bitsize="2048" regnum="37" type="svev"/>
    <reg name="z4" bitsize="2048" regnum="38" type="svev"/>
    <reg name="z5" bitsize="2048" regnum="39" type="svev"/>
    <reg name="z6" bitsize="2048" regnum="40" type="svev"/>
    <reg name="z7" bitsize="2048" regnum="41" type="svev"/>
    <reg name="z8" bitsize="2048" regnum="42" type="svev"/>
    <reg name="z9" bitsize="2048" regnum="43" type="svev"/>
    <reg name="z10" bitsize="2048" regnum="44" type="svev"/>
    <reg name="z11" bitsize="2048" regnum="45" type="svev"/>
    <reg name="z12" bitsize="2048" regnum="46" type="svev"/>
    <reg name="z13" bitsize="2048" regnum="47" type="svev"/>
    <reg name="z14" bitsize="2048" regnum="48" type="svev"/>
    <reg name="z15" bitsize="2048" regnum="49" type="svev"/>
    <reg name="z16" bitsize="2048" regnum="50" type="svev"/>
    <reg name="z17" bitsize="2048" regnum="51" type="svev"/>
    <reg name="z18" bitsize="2048" regnum="52" type="svev"/>
    <reg name="z19" bitsize="2048" regnum="53" type="svev"/>
    <reg name="z20" bitsize="2048" regnum="54" type="svev"/>
    <reg name="z21" bitsize="2048" regnum="55" type="svev"/>
    <reg name="z22" bitsize="2048" regnum="56" type="svev"/>
    <reg name="z23" bitsize="2048" regnum="57" type="svev"/>
    <reg name="z24" bitsize="2048" regnum="58" type="svev"/>
    <reg name="z25" bitsize="2048" regnum="59" type="svev"/>
    <reg name="z26" bitsize="2048" regnum="60" type="svev"/>
    <reg name="z27" bitsize="2048" regnum="61" type="svev"/>
    <reg name="z28" bitsize="2048" regnum="62" type="svev"/>
    <reg name="z29" bitsize="2048" regnum="63" type="svev"/>
    <reg name="z30" bitsize="2048" regnum="64" type="svev"/>
    <reg name="z31" bitsize="2048" regnum="65" type="svev"/>
    <reg name="fpsr" bitsize="32" regnum="66" group="float" type="int"/>
    <reg name="fpcr" bitsize="32" regnum="67" group="float" type="int"/>
    <reg name="p0" bitsize="256" regnum="68" type="svep"/>
    <reg name="p1" bitsize="256" regnum="69" type="svep"/>
    <reg name="p2" bitsize="256" regnum="70" type="svep"/>
    <reg name="p3" bitsize="256" regnum="71" type="svep"/>
    <reg name="p4" bitsize="256" regnum="72" type="svep"/>
    <reg name="p5" bitsize="256" regnum="73" type="svep"/>
    <reg name="p6" bitsize="256" regnum="74" type="svep"/>
    <reg name="p7" bitsize="256" regnum="75" type="svep"/>
    <reg name="p8" bitsize="256" regnum="76" type="svep"/>
    <reg name="p9" bitsize="256" regnum="77" type="svep"/>
    <reg name="p10" bitsize="256" regnum="78" type="svep"/>
    <reg name="p11" bitsize="256" regnum="79" type="svep"/>
    <reg name="p12" bitsize="256" regnum="80" type="svep"/>
    <reg name="p13" bitsize="256" regnum="81" type="svep"/>
    <reg name="p14" bitsize="256" regnum="82" type="svep"/>
    <reg name="p15" bitsize="256" regnum="83" type="svep"/>
    <reg name="ffr" bitsize="256" regnum="84" group="vector" type="svep"/>
    <reg name="vg" bitsize="64" regnum="85" type="int"/>
    </feature>
    """#

  /// `system-registers.xml`, 9 of its 197 registers.
  static let systemRegisters = #"""
    <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><feature name="org.qemu.gdb.arm.sys.regs">
    <reg name="ID_MMFR5" bitsize="64" regnum="86" group="cp_regs"/>
    <reg name="RES_0_C0_C3_7" bitsize="64" regnum="87" group="cp_regs"/>
    <reg name="MAIR_EL3" bitsize="64" regnum="88" group="cp_regs"/>
    <reg name="SCTLR" bitsize="64" regnum="92" group="cp_regs"/>
    <reg name="VBAR" bitsize="64" regnum="124" group="cp_regs"/>
    <reg name="TTBR0_EL1" bitsize="64" regnum="171" group="cp_regs"/>
    <reg name="TCR_EL1" bitsize="64" regnum="174" group="cp_regs"/>
    <reg name="TTBR1_EL1" bitsize="64" regnum="175" group="cp_regs"/>
    <reg name="TPIDR_EL1" bitsize="64" regnum="213" group="cp_regs"/>
    </feature>
    """#
}
