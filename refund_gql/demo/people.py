"""The people of the demo: invented customers, and one member of staff per role."""

from typing import NamedTuple

from refund_gql.roles import Role


class Person(NamedTuple):
    """A customer."""

    reference: str
    name: str
    email: str
    phone: str
    locale: str


class Colleague(NamedTuple):
    """A member of staff."""

    role: Role
    email: str
    name: str


PASSWORD = "demo-refund-gql"  # noqa: S105 - everybody may know it: it opens invented data only
"""Every colleague of the demo logs in with it."""

OWNER = Colleague(Role.OWNER, "owner@demo.example", "林静 Lin Jing")
"""Where this person owns the shop, the shop is the demo's."""
COLLEAGUES = (
    OWNER,
    Colleague(Role.AGENT, "agent@demo.example", "陈思远 Chen Siyuan"),
    Colleague(Role.WAREHOUSE, "warehouse@demo.example", "赵铁柱 Zhao Tiezhu"),
    Colleague(Role.FINANCE, "finance@demo.example", "周敏 Zhou Min"),
    Colleague(Role.ANALYST, "analyst@demo.example", "吴桐 Wu Tong"),
)

_CHINESE = (
    "王小明 wang.xiaoming", "李娜 li.na", "张伟 zhang.wei", "刘洋 liu.yang", "陈晨 chen.chen",
    "杨雪 yang.xue", "黄磊 huang.lei", "赵敏 zhao.min", "吴昊 wu.hao", "周婷 zhou.ting",
    "徐静 xu.jing", "孙悦 sun.yue", "马超 ma.chao", "朱琳 zhu.lin", "胡军 hu.jun",
    "郭芳 guo.fang", "何欣 he.xin", "高翔 gao.xiang", "罗丹 luo.dan", "郑凯 zheng.kai",
    "梁爽 liang.shuang", "谢雨桐 xie.yutong", "宋佳怡 song.jiayi", "唐子轩 tang.zixuan",
)  # fmt: skip
_ENGLISH = (
    "Emma Clarke", "Oliver Hughes", "Grace Turner", "Noah Bennett", "Chloe Foster", "Jack Murray",
    "Amelia Ward", "Leo Parsons", "Isla Morgan", "Henry Doyle", "Ruby Walsh", "Arthur Quinn",
)  # fmt: skip


def _chinese(index: int, entry: str) -> Person:
    name, _, mailbox = entry.partition(" ")
    # No mobile number in China begins with 100.
    phone = f"+86 100 0000 {index:04}"
    return Person(f"C-{1001 + index}", name, f"{mailbox}@example.com", phone, "zh")


def _english(index: int, name: str) -> Person:
    mailbox = name.lower().replace(" ", ".")
    # 07700 900xxx is kept free for fiction by the British regulator.
    phone = f"+44 7700 900{index:03}"
    return Person(f"C-{2001 + index}", name, f"{mailbox}@example.com", phone, "en")


CUSTOMERS = (
    *(_chinese(index, entry) for index, entry in enumerate(_CHINESE)),
    *(_english(index, name) for index, name in enumerate(_ENGLISH)),
)

ME = CUSTOMERS[0]
"""Whose token the demo prints for the role CUSTOMER."""
