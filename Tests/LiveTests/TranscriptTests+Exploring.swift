extension LiveTests.TranscriptTests {
  /// Commands that look into the guest's memory, and those that hold it.
  static let exploring = Transcript(
    """
    > print uts_namespace init_uts_ns .name
    {
      sysname = "Linux"
      nodename = "(none)"
      release = "{kernel release}"
      version = "{kernel version}"
      machine = "{kernel machine}"
      domainname = "(none)"
    }
    > print uts_namespace init_uts_ns .name.sysname -j
    "Linux"
    > print 'struct rq' runqueues@1 .cpu
    1
    > print struct rq runqueues@1 .cpu
    1
    > print task_struct init_task .comm[0]
    115
    > print task_struct init_task .real_parent->comm
    "swapper/0"
    > print 'struct btf *' btf_vmlinux ->name
    "vmlinux"
    > print btf* btf_vmlinux .name
    "vmlinux"
    > print 'enum bpf_stats_type' prog_idr+20
    {text}
    > print 'char[13]' linux_banner
    "Linux version"
    > print 'char[2][5]' linux_banner -j
    ["Linux"," vers"]
    > print 'struct list_head *[2]' net_namespace_list [1]->next -j
    "0x{hex}"
    > print task_struct task:1 .comm
    "init"
    > print task_struct task:1 ->pid
    1
    > print bpf_prog prog:{prog reno_init id} ->aux.name
    "reno_init"
    > print bpf_map map:{map lengths id} .id
    {map lengths id}
    > print btf btf:{map lengths btf_id} .id -j
    {map lengths btf_id}
    > print bpf_link link:1 .id
    1
    > print task_struct init_task --list .tasks .pid,.comm,.mm->pgd
    ADDRESS  pid  comm  mm.pgd
    0x{symbol init_task}  0  "swapper/0"  -
    0x{hex}  1  "init"  0x{hex}
    0x{hex}  2  "kthreadd"  -
    {lines}
    > print net net_namespace_list --list .list .ifindex -j
    [{"address":"0x{hex}","ifindex":{n}}]
    > print super_block super_blocks --list ->s_list
    ADDRESS
    0x{hex}
    {lines}
    > type idr
    struct idr {
        struct xarray idr_rt;                       /* 0  16 */
        unsigned int idr_base;                      /* 16  4 */
        unsigned int idr_next;                      /* 20  4 */
    };  /* size: 24 */
    > type atomic_t
    typedef struct {
        int counter;                                /* 0  4 */
    } atomic_t;  /* size: 4 */
    > type char[64]
    char [64];  /* size: 64 */
    > type unsigned long
    long unsigned int;  /* size: 8 */
    > type enum bpf_stats_type
    enum bpf_stats_type {
        BPF_STATS_RUN_TIME = 0,
    };  /* size: 4 */
    > type bpf_stats_*pe
    enum bpf_stats_type;  /* size: 4 */
    > type struct list_head -j
    {"id":{n},"name":"list_head","declaration":"struct list_head","kind":"struct","size":16,"members":[{"name":"next","declaration":"struct list_head *next","depth":0,"offset":0,"size":8,"bit_offset":null,"bit_size":null},{"name":"prev","declaration":"struct list_head *prev","depth":0,"offset":8,"size":8,"bit_offset":null,"bit_size":null}]}
    > sym init_task
    {symbol init_task} D init_task
    > sym 0x{symbol init_task}
    {symbol init_task} D init_task
    > sym init_task+0x10
    {hex} D init_task+0x10
    > sym runqueues@1
    {hex} {text} runqueues@1
    > sym linux_bann?r
    {symbol linux_banner} {text} linux_banner
    > -j sym prog_idr
    [{"address":"0x{symbol prog_idr}","type":"d","symbol":"prog_idr","offset":0,"module":null}]
    > read linux_banner 13
    {symbol linux_banner}  4c 69 6e 75 78 20 76 65  72 73 69 6f 6e           |Linux version|
    > read linux_banner 512 -t string
    {kernel banner}{lines}
    > read page_offset_base 8 -t x8
    {symbol page_offset_base}  0x{value page_offset_base}
    > read -j -t x8 phys_base 8
    [{"address":"0x{symbol phys_base}","words":["0x{hex}"]}]
    > pread 0 4 --as x4
    0000000000000000  0x{hex}
    > pread -j 0 2
    [{"address":"0x0","bytes":"{hex}"}]
    > read map:{map lengths id}+0 8 -t x8 -j
    [{"address":"0x{hex}","words":["0x{hex}"]}]
    > translate linux_banner
    0x{symbol linux_banner}  linux_banner  kernel image (rodata)
    LEVEL  TABLE       INDEX  ENTRY               FLAGS       LEADS TO
    pgd    0x{hex} {n}  0x{hex}  P RW US A   table 0x{hex}
    pud    0x{hex} {n}  0x{hex}  P RW A      table 0x{hex}
    pmd    0x{hex} {n}  0x{hex}  P A D G NX  2 MiB page 0x{hex}
    physical 0x{hex}  2 MiB page  r--
    > regs 1
    CPU 1
      rax        0x{hex}{text}
      {lines}
      cr0        0x{hex}{text}
      {lines}
      efer       0x0000000000000d01
    {lines}
    > guests
    {text}PID  NAME  CONNECT  GDBSERVER  PROGRAM  KERNEL
    {lines}
    > hold
    the guest is held
    > -j hold
    {"run_state":"held"}
    > resume
    the guest is running
    """)
}
