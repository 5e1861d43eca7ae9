"""What the demo shop sells."""

from typing import NamedTuple


class Article(NamedTuple):
    """A product; `price` in minor units of CNY."""

    sku: str
    title: str
    category: str
    price: int


ARTICLES = (
    Article("THERMOS-500-BLUE", "保温杯 500 ml 雾霾蓝 · Thermos 500 ml, blue", "家居 Home", 8900),
    Article("THERMOS-500-RED", "保温杯 500 ml 中国红 · Thermos 500 ml, red", "家居 Home", 8900),
    Article("MUG-CAMELLIA", "山茶花马克杯 · Camellia mug", "家居 Home", 4500),
    Article("TEAPOT-ZISHA", "紫砂壶 200 ml · Zisha teapot 200 ml", "家居 Home", 26800),
    Article("KETTLE-1.5L", "电热水壶 1.5 L · Electric kettle 1.5 L", "家电 Appliances", 15900),
    Article("RICE-COOKER-3L", "电饭煲 3 L · Rice cooker 3 L", "家电 Appliances", 39900),
    Article("DESK-LAMP", "护眼台灯 · Desk lamp", "家电 Appliances", 17900),
    Article("HUMIDIFIER", "静音加湿器 · Quiet humidifier", "家电 Appliances", 12900),
    Article("SHOES-RUN-41", "跑鞋 41 码 · Running shoes, 41", "鞋靴 Shoes", 39900),
    Article("SHOES-RUN-42", "跑鞋 42 码 · Running shoes, 42", "鞋靴 Shoes", 39900),
    Article("SHOES-CANVAS-38", "帆布鞋 38 码 · Canvas shoes, 38", "鞋靴 Shoes", 15900),
    Article("TSHIRT-WHITE-M", "纯棉T恤 白色 M · Cotton T-shirt, white, M", "服装 Clothing", 6900),
    Article("TSHIRT-WHITE-L", "纯棉T恤 白色 L · Cotton T-shirt, white, L", "服装 Clothing", 6900),
    Article("SHIRT-LINEN-L", "亚麻衬衫 L · Linen shirt, L", "服装 Clothing", 19900),
    Article("DRESS-SILK-S", "真丝连衣裙 S · Silk dress, S", "服装 Clothing", 68900),
    Article("DOWN-JACKET-M", "轻薄羽绒服 M · Light down jacket, M", "服装 Clothing", 49900),
    Article("SCARF-WOOL", "羊毛围巾 · Wool scarf", "服装 Clothing", 12900),
    Article("BACKPACK-20L", "双肩包 20 L · Backpack 20 L", "箱包 Bags", 18900),
    Article("SUITCASE-24", "万向轮行李箱 24 寸 · Suitcase 24 in", "箱包 Bags", 45900),
    Article("EARBUDS", "无线耳机 · Wireless earbuds", "数码 Digital", 29900),
    Article("POWERBANK-10K", "充电宝 10000 mAh · Power bank 10,000 mAh", "数码 Digital", 9900),
    Article("PHONE-CASE", "手机壳 透明 · Phone case, clear", "数码 Digital", 2900),
    Article("TEA-LONGJING", "明前龙井 100 g · Longjing tea 100 g", "食品 Food", 16800),
    Article("TEA-PUER", "普洱熟茶 357 g · Ripe pu'er 357 g", "食品 Food", 12800),
)  # fmt: skip

BY_SKU = {article.sku: article for article in ARTICLES}
