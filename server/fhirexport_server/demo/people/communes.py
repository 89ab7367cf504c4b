"""Communes and countries in which invented people live and were born (INSEE codes: COG)."""

from typing import NamedTuple


class Commune(NamedTuple):
    """A French commune of today."""

    insee: str
    name: str
    postal_code: str


class Country(NamedTuple):
    """A country as a birth place: its INSEE code, ISO 3166 alpha-3 and alpha-2, and a city."""

    insee: str
    alpha3: str
    alpha2: str
    city: str


# By legal entity, the likeliest first.
AIN = (
    Commune("01053", "Bourg-en-Bresse", "01000"),
    Commune("01451", "Viriat", "01440"),
    Commune("01289", "Péronnas", "01960"),
    Commune("01283", "Oyonnax", "01100"),
    Commune("01004", "Ambérieu-en-Bugey", "01500"),
    Commune("01034", "Belley", "01300"),
    Commune("01072", "Ceyzériat", "01250"),
    Commune("01457", "Vonnas", "01540"),
    Commune("01185", "Plateau d'Hauteville", "01110"),
    Commune("01427", "Trévoux", "01600"),
    Commune("01173", "Gex", "01170"),
    Commune("71270", "Mâcon", "71000"),
    Commune("39300", "Lons-le-Saunier", "39000"),
    Commune("69266", "Villeurbanne", "69100"),
    Commune("42218", "Saint-Étienne", "42000"),
    Commune("73065", "Chambéry", "73000"),
)
PARIS = (
    Commune("75113", "Paris 13e Arrondissement", "75013"),
    Commune("75112", "Paris 12e Arrondissement", "75012"),
    Commune("75105", "Paris 5e Arrondissement", "75005"),
    Commune("75114", "Paris 14e Arrondissement", "75014"),
    Commune("75118", "Paris 18e Arrondissement", "75018"),
    Commune("75120", "Paris 20e Arrondissement", "75020"),
    Commune("94041", "Ivry-sur-Seine", "94200"),
    Commune("94081", "Vitry-sur-Seine", "94400"),
    Commune("93048", "Montreuil", "93100"),
    Commune("94028", "Créteil", "94000"),
    Commune("93066", "Saint-Denis", "93200"),
    Commune("92012", "Boulogne-Billancourt", "92100"),
    Commune("93001", "Aubervilliers", "93300"),
    Commune("92050", "Nanterre", "92000"),
    Commune("78646", "Versailles", "78000"),
    Commune("59350", "Lille", "59000"),
)
CORSICA = (
    Commune("2A004", "Ajaccio", "20000"),
    Commune("2A271", "Sarrola-Carcopino", "20167"),
    Commune("2A249", "Propriano", "20110"),
    Commune("2A272", "Sartène", "20100"),
    Commune("2A247", "Porto-Vecchio", "20137"),
    Commune("2A114", "Figari", "20114"),
    Commune("2B033", "Bastia", "20200"),
    Commune("2B096", "Corte", "20250"),
    Commune("2B050", "Calvi", "20260"),
    Commune("06088", "Nice", "06000"),
    Commune("83137", "Toulon", "83000"),
)
OVERSEAS = (
    Commune("97209", "Fort-de-France", "97200"),
    Commune("97411", "Saint-Denis", "97400"),
    Commune("97105", "Basse-Terre", "97100"),
    Commune("97302", "Cayenne", "97300"),
    Commune("97416", "Saint-Pierre", "97410"),
)
ABROAD = (
    Country("99352", "DZA", "DZ", "Oran"),
    Country("99139", "PRT", "PT", "Braga"),
    Country("99350", "MAR", "MA", "Fès"),
    Country("99351", "TUN", "TN", "Sfax"),
    Country("99127", "ITA", "IT", "Turin"),
    Country("99134", "ESP", "ES", "Valence"),
    Country("99131", "BEL", "BE", "Namur"),
    Country("99109", "DEU", "DE", "Brême"),
    Country("99208", "TUR", "TR", "Konya"),
    Country("99341", "SEN", "SN", "Thiès"),
    Country("99122", "POL", "PL", "Łódź"),
    Country("99243", "VNM", "VN", "Huế"),
)
